"""The checks of the disclosures assets: their names, and a load's numbers turned into results."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from llm_pipeline.defs.check_results import SHOWN, check_result, problems_result
from llm_pipeline.disclosures.ledger import Discrepancy
from llm_pipeline.disclosures.report import IngestReport
from llm_pipeline.lineage.service import VerificationReport

EVERY_FILING_READ = "every_filing_read"
LEDGER_RECONCILES = "ledger_reconciles"
NO_IDENTITY_CONFLICTS = "no_identity_conflicts"
PROVENANCE_VERIFIED = "provenance_verified"


def check_specs(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks of one disclosures asset."""
    return [
        dg.AssetCheckSpec(
            LEDGER_RECONCILES,
            asset=asset,
            blocking=True,
            description="Rows in the filings = rows stored, or named in the ledger with a reason.",
        ),
        dg.AssetCheckSpec(
            EVERY_FILING_READ,
            asset=asset,
            description="No filing of the window failed to parse. The others are stored all the same.",
        ),
        dg.AssetCheckSpec(
            NO_IDENTITY_CONFLICTS,
            asset=asset,
            description="No document id stands for two different filings.",
        ),
        dg.AssetCheckSpec(
            PROVENANCE_VERIFIED,
            asset=asset,
            description="Chains, rows, ledger and Merkle roots of the window, recomputed, hold.",
        ),
    ]


def ingestion_checks(
    asset: str, reports: Sequence[IngestReport], discrepancies: Sequence[Discrepancy], verified: VerificationReport
) -> list[dg.AssetCheckResult]:
    """One result per spec."""
    failures = [failure for report in reports for failure in report.failures]
    conflicts = [conflict for report in reports for conflict in report.conflicts]
    return [
        check_result(
            asset,
            LEDGER_RECONCILES,
            not discrepancies,
            discrepancies=len(discrepancies),
            examples=[f"{one.source_document_id}: {one.problem}" for one in discrepancies[:SHOWN]],
        ),
        problems_result(
            asset,
            EVERY_FILING_READ,
            [f"{one.source_document_id} ({one.position}): {one.error}" for one in failures],
        ),
        problems_result(asset, NO_IDENTITY_CONFLICTS, [f"{one.source_document_id}: {one.error}" for one in conflicts]),
        check_result(
            asset,
            PROVENANCE_VERIFIED,
            verified.holds,
            disclosures=verified.disclosures,
            verified=verified.verified,
            broken=len(verified.breaks),
            unattested=verified.unattested,
            partitions=verified.partitions,
            examples=[
                *[f"{identifier}: {one}" for identifier, one in list(verified.breaks.items())[:SHOWN]],
                *map(str, verified.shared[:SHOWN]),
            ],
        ),
    ]

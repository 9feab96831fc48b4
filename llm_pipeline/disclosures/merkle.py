"""Merkle trees over the chain heads of a partition's disclosures: one hash that attests them all.

Leaves and inner nodes are hashed with different prefixes (RFC 6962), so a node cannot pass for a leaf; a
node without a sibling moves up unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def _leaf(disclosure_id: str, head: str) -> bytes:
    return hashlib.sha256(b"\x00" + disclosure_id.encode() + b"\x00" + head.encode()).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _parents(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + ([level[-1]] if len(level) % 2 else [])


def merkle_root(heads: Mapping[str, str]) -> str:
    """The root over {disclosure id: last chain hash}, independent of the mapping's order. Empty: SHA-256 of
    nothing."""
    level = [_leaf(key, heads[key]) for key in sorted(heads)]
    while len(level) > 1:
        level = _parents(level)
    return level[0].hex() if level else hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class InclusionProof:
    """The siblings on the way from one disclosure's leaf to the root: (on the left?, hash) from the bottom
    up."""

    disclosure_id: str
    head: str
    siblings: tuple[tuple[bool, str], ...]

    def root(self) -> str:
        """The root that this proof leads to; equal to the stored one exactly if the disclosure was part of
        it."""
        node = _leaf(self.disclosure_id, self.head)
        for on_the_left, sibling in self.siblings:
            other = bytes.fromhex(sibling)
            node = _node(other, node) if on_the_left else _node(node, other)
        return node.hex()


def inclusion_proof(heads: Mapping[str, str], disclosure_id: str) -> InclusionProof:
    """What someone needs to check one disclosure against the root without seeing the others.

    Raises:
        KeyError: the disclosure is not among the heads.
    """
    keys = sorted(heads)
    place = keys.index(disclosure_id) if disclosure_id in heads else -1
    if place < 0:
        raise KeyError(disclosure_id)
    level = [_leaf(key, heads[key]) for key in keys]
    siblings: list[tuple[bool, str]] = []
    while len(level) > 1:
        other = place ^ 1
        if other < len(level):
            siblings.append((other < place, level[other].hex()))
        level, place = _parents(level), place // 2
    return InclusionProof(disclosure_id, heads[disclosure_id], tuple(siblings))

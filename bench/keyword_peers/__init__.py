"""Engines of keyword search to compare with, one adapter file each; `find_keyword_peers` loads them.

All are given the same terms, so that they differ in how they search and in nothing else.
"""

from .finding import KEYWORD_PEERS, find_keyword_peers
from .peer import KeywordPeer, KeywordSearcher

__all__ = ["KEYWORD_PEERS", "KeywordPeer", "KeywordSearcher", "find_keyword_peers"]

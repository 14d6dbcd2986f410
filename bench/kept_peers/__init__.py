"""What engines have in common that keep what they build in a folder, whatever kind of vectors they take."""

from .peer import Answer, Asked, KeptPeer, KeptSearcher

__all__ = ["Answer", "Asked", "KeptPeer", "KeptSearcher"]

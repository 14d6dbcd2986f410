"""Readers of benchmark data, one file each; `open_dataset` picks the one that a name or path stands for.

Nothing here measures.
"""

from .dataset import METRICS, Dataset, DatasetError, MetricName, checked_metric
from .opening import open_dataset

__all__ = ["METRICS", "Dataset", "DatasetError", "MetricName", "checked_metric", "open_dataset"]

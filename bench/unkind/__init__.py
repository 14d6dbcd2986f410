"""Data on which a promise of recall is hard to keep, made from a dataset and a seed.

Which of it a search is good at says nothing of the others: what is promised is to hold on each.
"""

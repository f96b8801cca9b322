"""What has nothing to do with machine learning: checks, files, random streams, statistics.

Private: everything here may move.
"""

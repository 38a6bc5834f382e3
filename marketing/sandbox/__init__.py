"""A message platform to try things on: it takes mail and SMS as a real one does, and shows them instead of sending.

It stands for the outside world and imports nothing of the other apps; only its command belongs to Django.
"""

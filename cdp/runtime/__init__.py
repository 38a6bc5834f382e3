"""Running Tideline on one machine: embedded databases, supervision of processes, translations.

Plain Python without Django models, so that it works before the first migration.
"""

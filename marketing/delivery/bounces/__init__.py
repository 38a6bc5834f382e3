"""Mails that come back, and complaints of people who take them for spam."""

"""The program as data: its records and their JSON form, and what the table of ops says of an op."""

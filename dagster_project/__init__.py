"""The retention pipeline of a telecom operator's branch."""

"""The version of lpc, and of the language it reads."""

VERSION = "0.1.0"
LANGUAGE = "1"

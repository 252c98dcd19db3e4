"""The tests, as a package: one of the same name among those installed would hide a folder without this."""

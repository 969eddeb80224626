"""The commands of `resift`, each an entry point in the group `resift.commands`."""

"""Patches of ministack, a module for each part that it lacks; `apply` installs one."""

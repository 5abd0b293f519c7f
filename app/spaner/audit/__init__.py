"""Proves who linked what.

A call of a project that links or shows rows is a `door` (`doors.py`). A service, whose answers are
no such calls, does each in `with acting_as(name), logged(project, Action("search", "search")) ...`
(`who.py`, `doors.py`, `actions.py`) and tells the action what it was asked (`content`) and what it
found (`note_found`). `check_links` adds the pairs. What `policy.links` refuses is a `NotPermitted`
(`spaner_core.errors`); of what was refused before, `refusals` writes the line.
"""

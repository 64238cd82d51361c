"""The permissions of this package; other packages declare their own."""

from foundation.access import declare_permission

READ = declare_permission("organisation.read", "See stores, counters, staff and devices")
WRITE = declare_permission("organisation.write", "Make and change stores and counters")
STAFF = declare_permission("staff.write", "Make, move and dismiss staff, and give them roles")
CLIENTS = declare_permission("clients.write", "Make and revoke devices and other machines")

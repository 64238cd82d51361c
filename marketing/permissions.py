"""The permissions of this package; other packages declare their own."""

from foundation.access import declare_permission

LISTS_READ = declare_permission("lists.read", "See target lists and who is on them")
LISTS_WRITE = declare_permission("lists.write", "Count members live and freeze target lists")
CAMPAIGNS_READ = declare_permission("campaigns.read", "See campaigns and what came of them")
CAMPAIGNS_WRITE = declare_permission("campaigns.write", "Make campaigns, launch and stop approved ones")
CAMPAIGNS_APPROVE = declare_permission("campaigns.approve", "Approve a campaign that somebody else made")
MESSAGES_READ = declare_permission("messages.read", "See what was sent to whom, and why something was not")
MESSAGES_WRITE = declare_permission("messages.write", "Change quiet hours, caps and channels")
TASKS_READ = declare_permission("tasks.read", "See follow-up tasks")
TASKS_WORK = declare_permission("tasks.work", "Work on follow-up tasks and call members back")
TASKS_MANAGE = declare_permission("tasks.manage", "Make, assign and hand over follow-up tasks of others")

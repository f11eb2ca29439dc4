"""LifeKeeper's commands (LCDI) as a front end over the cluster port, so that its scripts run on every engine."""

"""The OCF resource agents lvmvg and lvmlv: what Pacemaker runs, on the same functions as the action scripts."""

"""Names, instances, the hierarchy and the numbered messages: values only, no input or output."""

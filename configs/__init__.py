"""Ready networks: each YAML file here is a config that ``distsim run NAME`` knows by its name."""

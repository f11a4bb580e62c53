"""What is connected to neurons and is not a neuron: generators of spikes and currents."""

"""Neuron models from differential equations: parsed, checked for units, integrated, written as a scalar step."""

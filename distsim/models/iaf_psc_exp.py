"""placeholder"""
from distsim.registry import Declaration, Parameter, Receptor

class _V:  # replaced by the model proper
    declaration = Declaration(
        "iaf_psc_exp",
        parameters={
            "C_m": Parameter(250.0, "pF", "membrane capacitance", above=0.0),
            "tau_m": Parameter(10.0, "ms", "membrane time constant", above=0.0),
            "E_L": Parameter(-70.0, "mV", "resting potential"),
            "V_th": Parameter(-55.0, "mV", "spike threshold"),
            "V_reset": Parameter(-70.0, "mV", "reset potential"),
            "t_ref": Parameter(2.0, "ms", "refractory period", at_least=0.0),
            "tau_syn_ex": Parameter(2.0, "ms", "time constant of excitatory currents", above=0.0),
            "tau_syn_in": Parameter(2.0, "ms", "time constant of inhibitory currents", above=0.0),
            "I_e": Parameter(0.0, "pA", "constant input current"),
        },
        state={"V_m": Parameter(-70.0, "mV", "membrane potential"),
               "I_syn_ex": Parameter(0.0, "pA", "excitatory current"),
               "I_syn_in": Parameter(0.0, "pA", "inhibitory current")},
        receptors=(Receptor("ex", "pA", +1), Receptor("in", "pA", -1)),
    )

VARIANT = _V

package dev.bowline.adapter.format;

/// The layouts in which programs store the matrices of stacked experts.
public enum ExpertLayout {
    /// PEFT 0.19 and later: A `[experts · rank, in]`, B `[out, rank · experts]`.
    PEFT,
    /// PEFT 0.17 and 0.18, and NeMo AutoModel where it writes PEFT's keys: the matrices of the transposed
    /// weight, so A has the outputs of the weight and B its inputs.
    PEFT_SWAPPED,
    /// NeMo AutoModel: `lora_gate_and_up_A` `[experts, in, rank]`, `lora_gate_and_up_B` `[experts, rank, out]`.
    AUTOMODEL_GROUPED,
    /// A pair of matrices for each linear of each expert: `experts.0.gate_proj.lora_A.weight`.
    SPLIT
}

package dev.bowline.optim;

import java.util.List;

/// The gradients of a step, summed over all micro-batches of all ranks. Every rank gets the same answers, even if it
/// has a part of the gradients only, and calls the same methods.
public interface StepGradients {

    /// The names of parameters without a gradient.
    List<String> missing();

    /// The Euclidean norm of all gradients together, in float32.
    double norm();

    /// Scales every gradient so that the norm of all gradients becomes at most `maxNorm`, like PyTorch's
    /// `clip_grad_norm_`.
    ///
    /// @param norm the present norm of all gradients
    void clip(double norm, double maxNorm);

    /// Removes every gradient (PyTorch: `zero_grad(set_to_none=True)`).
    void clear();
}

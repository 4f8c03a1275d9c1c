package dev.bowline.loss;

import dev.bowline.nn.Head;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.HostTensors;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The input of a [Loss]: a model's hidden states and head, the targets, and the hidden states and head of a
/// second model if the loss compares two models.
///
/// Shapes: B rows, S positions, N targets, H hidden size.
///
/// @param hidden [B, S, H] with its graph
/// @param reference of a model that is not trained: the teacher of a distillation, the reference model of DPO
public record LossInput(Tensor hidden, Head head, Targets targets, Optional<Reference> reference) {

    /// The results of another model for the same tokens.
    ///
    /// @param hidden [B, S, H'] without a graph; H' may differ from H
    /// @param head a head with the same vocabulary as the model
    public record Reference(Tensor hidden, Head head) {

        /// The hidden states at the positions that have a target.
        ///
        /// @return [N, H']
        public Tensor targetHidden(Targets targets) {
            return select(hidden, targets);
        }
    }

    public static LossInput of(Tensor hidden, Head head, Targets targets) {
        return new LossInput(hidden, head, targets, Optional.empty());
    }

    public LossInput withReference(Reference other) {
        return new LossInput(hidden, head, targets, Optional.of(other));
    }

    /// The hidden states at the positions that have a target, with their graph.
    ///
    /// @return [N, H]
    public Tensor targetHidden() {
        return select(hidden, targets);
    }

    /// The target tokens.
    ///
    /// @return `[N]` int64
    public Tensor targetTokens() {
        return Device.of(hidden).place(HostTensors.of(targets.tokens(), targets.count()));
    }

    /// The row of each target. A loss over pairs sums the terms of each row first.
    ///
    /// @return `[N]` int64, from 0 to B - 1
    public Tensor targetRows() {
        long[] rows = new long[targets.count()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = targets.positions()[i] / hidden.size(1);
        }
        return Device.of(hidden).place(HostTensors.of(rows, rows.length));
    }

    private static Tensor select(Tensor hidden, Targets targets) {
        Tensor positions = Device.of(hidden).place(HostTensors.of(targets.positions(), targets.count()));
        return hidden.reshape(-1, hidden.size(-1)).index_select(0, positions);
    }
}

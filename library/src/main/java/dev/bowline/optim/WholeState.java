package dev.bowline.optim;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/// The whole state tensors of an optimizer, which a checkpoint has. In a run over ranks the parts of a tensor come from
/// their ranks while it is read, so that no rank has the whole state.
public interface WholeState {

    /// The tensors by `<parameter>.<name>`, without values.
    SequencedMap<String, StateTensor> tensors();

    /// Gives the values of a tensor from the first to the last, in pieces.
    ///
    /// @param piece receives contiguous tensors in one dimension, which are valid during the call
    void read(String name, Consumer<Tensor> piece);

    /// Tensors that this process has.
    static WholeState of(Map<String, Tensor> own) {
        SequencedMap<String, StateTensor> tensors = new LinkedHashMap<>();
        own.forEach((name, tensor) -> tensors.put(
                name,
                StateTensor.of(
                        name.substring(name.lastIndexOf('.') + 1), Dtype.of(tensor.scalar_type()), Shapes.of(tensor))));
        return new WholeState() {
            @Override
            public SequencedMap<String, StateTensor> tensors() {
                return tensors;
            }

            @Override
            public void read(String name, Consumer<Tensor> piece) {
                try (TensorScope _ = TensorScope.open()) {
                    piece.accept(Objects.requireNonNull(own.get(name)).view(-1));
                }
            }
        };
    }
}

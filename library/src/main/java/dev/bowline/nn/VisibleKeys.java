package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// The keys that the queries of one attention call may attend to, as additive masks like those of transformers: 0
/// for a visible key and the lowest number of the dtype for a hidden one. A mask is built on demand, for all
/// queries or for a block of them.
///
/// Shapes: B rows, S queries, T keys.
public final class VisibleKeys {

    /// The limits on visible keys other than position.
    sealed interface Limit {

        record None() implements Limit {}

        /// Hides padding.
        ///
        /// @param mask [B, T] int64, 1 for a real token and 0 for padding
        record Padding(Tensor mask) implements Limit {}

        /// Hides the keys of other documents.
        ///
        /// @param ids [B, S] int32, equal for positions of one document; as many keys as queries
        record Documents(Tensor ids) implements Limit {}
    }

    /// Positions of the queries and keys.
    ///
    /// @param queries S
    /// @param past the number of positions before the first query
    /// @param window the number of positions that a query may attend to, its own included; empty for all
    record Range(int queries, int past, OptionalInt window) {

        /// The position of the first key that a query may attend to.
        int first() {
            return window.isPresent() ? Math.max(0, past - window.getAsInt() + 1) : 0;
        }

        /// T.
        int keys() {
            return past + queries - first();
        }
    }

    private final Range range;
    private final Limit limit;
    private final Placement placement;

    /// The scope in which this object was made. It owns the mask of all queries.
    private final @Nullable PointerScope owner = PointerScope.getInnerScope();

    private @Nullable Tensor whole;

    VisibleKeys(Range range, Limit limit, Placement placement) {
        this.range = range;
        this.limit = limit;
        this.placement = placement;
    }

    OptionalInt window() {
        return range.window();
    }

    /// The tensor of the limit, which a backward pass has to keep.
    Optional<Tensor> limitTensor() {
        return switch (limit) {
            case Limit.None _ -> Optional.empty();
            case Limit.Padding(Tensor mask) -> Optional.of(mask);
            case Limit.Documents(Tensor ids) -> Optional.of(ids);
        };
    }

    /// The same limit with another handle of its tensor.
    VisibleKeys with(Tensor limitTensor) {
        Limit same = switch (limit) {
            case Limit.None none -> none;
            case Limit.Padding _ -> new Limit.Padding(limitTensor);
            case Limit.Documents _ -> new Limit.Documents(limitTensor);
        };
        return new VisibleKeys(range, same, placement);
    }

    /// The mask of every query and key, built once and owned by the scope that this object was made in.
    ///
    /// @return [B or 1, 1, S, T]
    Tensor additive() {
        Tensor built = whole;
        if (built == null) {
            try (NoGradGuard _ = new NoGradGuard();
                    TensorScope _ = TensorScope.open()) {
                Tensor hidden = hiddenByPosition();
                Tensor all = hiddenByLimit(0, range.queries(), 0, range.keys())
                        .map(hidden::logical_or)
                        .orElse(hidden.unsqueeze(0));
                built = new Tensor(additive(all.unsqueeze(1), placement.dtype()));
                built.retainReference();
            }
            if (owner != null) {
                owner.attach(built);
                built.releaseReference();
            }
            whole = built;
        }
        return built;
    }

    /// The keys of `from` to `from + t` that the limit hides from the queries `at` to `at + n` of one row:
    /// [n or 1, t] bool. Empty if only positions hide keys.
    Optional<Tensor> hiddenByLimit(long row, Block block) {
        return hiddenByLimit(block.at(), block.n(), block.from(), block.t()).map(all -> all.select(0, row));
    }

    /// n queries from `at`, and the t keys from `from` that at least one of these queries may attend to.
    record Block(long at, long n, long from, long t) {

        Tensor queries(Tensor x) {
            return x.narrow(2, at, n);
        }

        Tensor keys(Tensor x) {
            return x.narrow(1, from, t);
        }
    }

    /// [B, n or 1, t] bool.
    private Optional<Tensor> hiddenByLimit(long at, long n, long from, long t) {
        return switch (limit) {
            case Limit.None _ -> Optional.empty();
            case Limit.Padding(Tensor mask) ->
                Optional.of(mask.narrow(1, from, t).eq(new Scalar(0)).unsqueeze(1));
            case Limit.Documents(Tensor ids) ->
                Optional.of(ids.narrow(1, at, n)
                        .unsqueeze(2)
                        .ne(ids.narrow(1, from, t).unsqueeze(1)));
        };
    }

    /// [S, T] bool.
    private Tensor hiddenByPosition() {
        Tensor queries = count(range.past(), range.queries()).unsqueeze(1);
        Tensor keys = count(range.first(), range.keys()).unsqueeze(0);
        Tensor later = keys.gt(queries);
        return range.window().isPresent()
                ? later.logical_or(keys.le(queries.sub(new Scalar(range.window().getAsInt()))))
                : later;
    }

    private Tensor count(int from, int size) {
        return Ops.arange(placement.device(), Dtype.INT32, from, from + size, 1);
    }

    /// @param hidden bool
    /// @return a mask of the same shape: 0, or the lowest number for a hidden key
    static Tensor additive(Tensor hidden, Dtype dtype) {
        double lowest = dtype == Dtype.BFLOAT16 ? -3.3895313892515355e38 : -Float.MAX_VALUE;
        return Ops.cast(torch.zeros_like(hidden), dtype).masked_fill_(hidden, new Scalar(lowest));
    }
}

package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.HostTensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Rows of a table that have values of their own, apart from the table.
///
/// Shapes: n replaced rows, D width of the table.
public final class ReplacedRows {

    private final Slot values;
    private final long[] ids;
    private final long[] order;
    private final long[] sorted;

    /// @param values [n, D]
    /// @param ids the replaced rows of the table in the order of `values`, each once
    public ReplacedRows(Slot values, long... ids) {
        if (values.shape()[0] != ids.length || Arrays.stream(ids).distinct().count() != ids.length) {
            throw new IllegalArgumentException("%d rows of values for %d ids, each of which must occur once"
                    .formatted(values.shape()[0], ids.length));
        }
        this.values = values;
        this.ids = ids.clone();
        order = IntStream.range(0, ids.length)
                .boxed()
                .sorted(Comparator.comparingLong(i -> ids[i]))
                .mapToLong(Integer::longValue)
                .toArray();
        sorted = Arrays.stream(ids).sorted().toArray();
    }

    Slot values() {
        return values;
    }

    /// The replaced rows' ids, `[n]` int64.
    public Tensor ids(Device device) {
        return device.place(HostTensors.of(ids, ids.length));
    }

    /// The place of `id` among the values, or −1.
    long place(long id) {
        return IntStream.range(0, ids.length)
                .filter(i -> ids[i] == id)
                .findFirst()
                .orElse(-1);
    }

    /// The places of tokens among the values.
    ///
    /// @param places of the shape of the tokens' ids, int64; any valid place for a token that has none
    /// @param isReplaced of the same shape
    record Places(Tensor places, Tensor isReplaced) {}

    /// @param tokens [...] int64
    Places places(Tensor tokens) {
        Device device = Device.of(tokens);
        Tensor ascending = device.place(HostTensors.of(sorted, sorted.length));
        Tensor found = torch.bucketize(tokens, ascending).clamp_max(new Scalar(ids.length - 1L));
        Tensor flat = found.reshape(-1);
        return new Places(
                device.place(HostTensors.of(order, order.length))
                        .index_select(0, flat)
                        .view_as(tokens),
                ascending.index_select(0, flat).view_as(tokens).eq(tokens));
    }
}

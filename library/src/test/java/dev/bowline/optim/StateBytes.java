package dev.bowline.optim;

import dev.bowline.tensor.HostTensors;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.TreeMap;

/// The bytes of the whole state of an optimizer.
public final class StateBytes {

    private StateBytes() {}

    /// Reads every tensor. The first rank calls this method in [Optimizer#onFirst] if the state is divided.
    public static Map<String, byte[]> of(WholeState state) {
        Map<String, byte[]> bytes = new TreeMap<>();
        state.tensors().keySet().forEach(name -> {
            ByteArrayOutputStream read = new ByteArrayOutputStream();
            state.read(
                    name,
                    piece -> read.writeBytes(HostTensors.bytes(piece.detach()).toArray(ValueLayout.JAVA_BYTE)));
            bytes.put(name, read.toByteArray());
        });
        return bytes;
    }
}

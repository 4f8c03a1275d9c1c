package dev.bowline.distributed;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.bytedeco.javacpp.Pointer;

/// Handles of objects that Java constructed and native code owns now.
///
/// The bindings give an object that Java constructed to native code as if native code were its only owner. Java must
/// then neither free it, in a scope or by the collector, nor give it away again. So the handles stay here until the
/// process ends: a few for each process group.
final class HandedOver {

    private static final Queue<Pointer> KEPT = new ConcurrentLinkedQueue<>();

    private HandedOver() {}

    /// Keeps a new handle, for one use.
    static <P extends Pointer> P keep(P handle) {
        handle.retainReference();
        KEPT.add(handle);
        return handle;
    }
}

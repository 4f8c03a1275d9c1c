package dev.bowline.audit.evidence;

import java.nio.file.Path;
import java.util.Optional;

/// Which side of the pair moved since the checkpoint it was made from.
///
/// @param base the checkpoint it was compared with
public record SinceBase(Path base, Side head, Side embedding) {

    /// The change of one tensor.
    public enum Side {
        /// Other bytes, another type or another shape.
        MOVED,
        SAME,
        /// Not there as a tensor of its own, now or then.
        ABSENT
    }

    /// A head that was tied to the embedding is compared with the embedding that it was, and the reverse.
    public static SinceBase of(Subject now, Subject base) {
        Optional<PlacedTensor> head = base.pair().head();
        Optional<PlacedTensor> embedding = base.pair().embedding();
        return new SinceBase(
                base.files().path(),
                side(now.pair().head(), head.or(() -> embedding)),
                side(now.pair().embedding(), embedding.or(() -> head)));
    }

    private static Side side(Optional<PlacedTensor> now, Optional<PlacedTensor> then) {
        if (now.isEmpty() || then.isEmpty()) {
            return Side.ABSENT;
        }
        return PairScan.isSame(now.get(), then.get()) ? Side.SAME : Side.MOVED;
    }

    /// In a few words.
    public String sentence() {
        if (head == Side.ABSENT && embedding == Side.ABSENT) {
            return "neither side can be compared";
        }
        if (head == embedding) {
            return head == Side.MOVED ? "both moved" : "neither side moved";
        }
        if (head == Side.ABSENT) {
            return "the input embedding " + word(embedding);
        }
        if (embedding == Side.ABSENT) {
            return "the head " + word(head);
        }
        return head == Side.MOVED
                ? "the head moved, the input embedding did not"
                : "the input embedding moved, the head did not";
    }

    private static String word(Side side) {
        return side == Side.MOVED ? "moved" : "did not move";
    }
}

package dev.bowline.audit.evidence;

import java.util.List;
import java.util.Optional;

/// The pair in the files.
///
/// @param difference how two tensors of one shape differ
/// @param cast how two tensors of different float types relate
/// @param slice the common rows, when one is a run of the other's rows
public record PhysicalState(Kind kind, Optional<Difference> difference, Optional<Cast> cast, Optional<Slice> slice) {

    /// The kinds.
    public enum Kind {
        EMBED_ONLY("only the input embedding"),
        HEAD_ONLY("only the head"),
        BOTH_EQUAL("both, bitwise equal"),
        BOTH_EQUAL_AFTER_CAST("both, equal after a cast"),
        BOTH_DIFFER("both, with different values"),
        SLICE_EQUAL("both, one a run of the other's rows"),
        SHAPE_MISMATCH("both, with different shapes"),
        QUANTISED("a quantised side"),
        NEITHER("neither the head nor the input embedding"),
        UNKNOWN("what cannot be read");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        /// The state as a phrase that completes "the files hold …".
        public String text() {
            return text;
        }
    }

    /// @param rows how many rows each has; 1 for what is not a matrix
    /// @param differing how many of them differ bitwise
    /// @param firstRow the first that does
    /// @param largest the largest absolute difference of two elements; NaN if one of them is not a number
    /// @param ulps the largest distance of two elements counted in representable values
    /// @param sample up to 20 differing rows, in order
    public record Difference(long rows, long differing, long firstRow, double largest, long ulps, List<Long> sample) {

        public Difference {
            sample = List.copyOf(sample);
        }

        /// Bits differ, values do not: a zero and a negative zero.
        public boolean isOnlySigns() {
            return largest == 0;
        }
    }

    /// @param wider which of the two has the wider type
    /// @param exact whether the narrower holds exactly the wider's values
    public record Cast(Role wider, boolean exact) {}

    /// @param shorter which of the two has fewer rows
    /// @param rows how many they share, from the first
    public record Slice(Role shorter, long rows) {}

    public static PhysicalState of(Kind kind) {
        return new PhysicalState(kind, Optional.empty(), Optional.empty(), Optional.empty());
    }

    static PhysicalState differing(Difference difference) {
        return new PhysicalState(Kind.BOTH_DIFFER, Optional.of(difference), Optional.empty(), Optional.empty());
    }
}

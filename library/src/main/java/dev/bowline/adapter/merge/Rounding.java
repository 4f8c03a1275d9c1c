package dev.bowline.adapter.merge;

import java.util.Collection;

/// The part of the changes that was lost when the merged values were rounded to their stored dtype.
///
/// @param deltaSquares the sum of the squares of all changes before rounding
/// @param lostSquares the sum of the squares of the differences between the changes of the rounded weights and
///     the changes before rounding
/// @param changed the number of weights with a change before rounding
/// @param vanished those of them that have the value of the base after rounding
public record Rounding(double deltaSquares, double lostSquares, long changed, long vanished) {

    static final Rounding NONE = new Rounding(0, 0, 0, 0);

    Rounding plus(Rounding other) {
        return new Rounding(
                deltaSquares + other.deltaSquares,
                lostSquares + other.lostSquares,
                changed + other.changed,
                vanished + other.vanished);
    }

    static Rounding sum(Collection<Rounding> parts) {
        return parts.stream().reduce(NONE, Rounding::plus);
    }

    /// The norm of all changes before rounding.
    public double deltaNorm() {
        return Math.sqrt(deltaSquares);
    }

    /// The norm of the lost part divided by the norm of the changes, 0 without changes.
    public double lost() {
        return deltaSquares == 0 ? 0 : Math.sqrt(lostSquares / deltaSquares);
    }
}

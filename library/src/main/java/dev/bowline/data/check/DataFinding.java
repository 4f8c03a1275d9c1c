package dev.bowline.data.check;

import dev.bowline.Fix;
import java.util.List;

/// A problem of a dataset, or a fact that its owner should know.
///
/// @param section the section of the recipe, such as `dataset`
/// @param count the number of rows, examples, answers or tokens with it, as `what` says
/// @param places the first of them, `file:line`, at most [#PLACES]
/// @param what one sentence
public record DataFinding(DataFindingCode code, String section, long count, List<Place> places, String what, Fix fix) {

    /// The most places that a finding names.
    public static final int PLACES = 10;

    /// One place of a finding.
    ///
    /// @param origin `file:line`
    /// @param detail more about this place; empty if there is none
    public record Place(String origin, String detail) {}

    public DataFinding {
        places = List.copyOf(places);
    }

    public DataSeverity severity() {
        return code.severity();
    }
}

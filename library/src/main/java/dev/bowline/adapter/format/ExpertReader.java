package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/// The experts of an adapter in one layout.
interface ExpertReader {

    /// The layout; asked only where there are parameters.
    ExpertLayout layout();

    /// The keys in the file by the stacked weight's full name.
    SequencedMap<String, Set<String>> parameters();

    /// @param arena owner of what is not in the mapped file
    ExpertPair pair(String parameter, Arena arena);

    /// @param problem in words that follow the adapter's directory
    static BowlineException refused(AdapterFiles files, String problem, String fix) {
        return new BowlineException("the adapter %s %s".formatted(files.directory(), problem), fix);
    }

    /// Refuses a pair that is of another shape than the base's weight.
    static ExpertPair fitting(AdapterFiles files, BaseExperts base, ExpertPair pair) {
        List<Long> found = List.of(pair.experts(), pair.out(), pair.in());
        List<Long> expected = base.shape(pair.parameter()).orElse(found);
        if (!expected.equals(found)) {
            throw refused(
                    files,
                    "fits a weight '%s' %s, and the base's is %s".formatted(pair.parameter(), found, expected),
                    "use the adapter with the model that it was trained on");
        }
        return pair;
    }
}

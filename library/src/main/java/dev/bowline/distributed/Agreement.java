package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Compares a [Fingerprint] of every rank with that of rank 0.
///
/// @param group the ranks
record Agreement(ProcessGroup group) {

    void require(Fingerprint plan) {
        List<byte[]> texts = group.allGather(plan.text().getBytes(StandardCharsets.UTF_8));
        List<Fingerprint> plans = new ArrayList<>();
        for (byte[] text : texts) {
            plans.add(Fingerprint.parse(new String(text, StandardCharsets.UTF_8)));
        }
        for (int rank = 1; rank < plans.size(); rank++) {
            Optional<Fingerprint.Difference> difference = plans.getFirst().firstDifference(plans.get(rank));
            if (difference.isPresent()) {
                Fingerprint.Difference found = difference.get();
                throw new BowlineException(
                        "the ranks do not agree on %s: %s has '%s', and %s has '%s'"
                                .formatted(found.name(), group.name(0), found.here(), group.name(rank), found.there()),
                        "start every rank with the same recipe, data, base, version and number of threads");
            }
        }
    }
}

package dev.bowline.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import dev.bowline.model.Component;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import dev.bowline.train.ComponentUpdate;
import dev.bowline.train.ExpertBalance;
import dev.bowline.train.RunReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What a run changed and how its experts were used, in numbers that can be checked by hand.
class LearningTextTest {

    private static final List<ComponentUpdate> UPDATES = List.of(
            new ComponentUpdate(Component.EMBEDDINGS, 1000, 0, 0.0123),
            new ComponentUpdate(Component.ROUTER, 0, 40, 0),
            new ComponentUpdate(Component.NORMS, 8, 0, 0),
            new ComponentUpdate(Component.MLP, 16, 0, Double.POSITIVE_INFINITY));

    @Test
    void peopleSeeWhatMovedAndHowUnevenTheLoadIs() {
        String text = new LearningText()
                .text(report(List.of(new ExpertBalance("layers.0.experts", List.of(6L, 0L, 1L, 1L)))));

        assertEquals(
                """
                What moved, against the weights it began with
                  embeddings and the tied head  1,000 parameters       1.230 %
                  router                           40 parameters        frozen
                  norms                             8 parameters  did not move
                  mlp                              16 parameters  away from zero

                Experts' shares of the tokens, of 4; even is 25.0 %
                                    least    most  unused
                  layers.0.experts  0.0 %  75.0 %  1 of 4

                """.replace("  1.230 %", "    1.230 %")
                        .replace("   frozen", "     frozen")
                        .replace("did not", "  did not"),
                text);
    }

    @Test
    void programsSeeEveryExpertOfEveryLayer() {
        JsonObject json =
                new RunJson().json(report(List.of(new ExpertBalance("layers.0.experts", List.of(6L, 0L, 1L, 1L)))));

        JsonObject embeddings = json.requireArray("updates").objects().getFirst();
        assertEquals(0.0123, embeddings.requireDouble("relative_update"));
        assertTrue(embeddings.requireBoolean("with_tied_head"));
        assertTrue(json.requireArray("updates")
                .objects()
                .getLast()
                .optionalDouble("relative_update")
                .isEmpty());
        JsonObject layer = json.requireArray("experts").objects().getFirst();
        assertEquals("[6, 0, 1, 1]", layer.requireArray("chosen").toString().replaceAll(",\\s*", ", "));
        assertEquals(0.75, layer.requireDouble("most_share"));
        assertEquals(0, layer.requireDouble("least_share"));
        assertEquals("[1]", layer.requireArray("unused").toString());
    }

    @Test
    void ofManyLayersPeopleSeeTheLeastEven() {
        List<ExpertBalance> layers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            layers.add(new ExpertBalance("layers." + i, List.of(10L + i, 10L)));
        }

        String text = new LearningText().text(report(layers));

        assertTrue(text.contains("layers.19 ") && text.contains("layers.8 ") && !text.contains("layers.7 "), text);
        assertTrue(text.contains("and 8 layers whose load is more even"), text);
    }

    private static RunReport report(List<ExpertBalance> experts) {
        TieGroup tied = new TieGroup(
                "lm_head",
                "embed",
                List.of("lm_head.weight"),
                new TieFlag(true, TieFlag.Level.TOP),
                Optional.empty(),
                Optional.empty());
        return new RunReport(
                RunReport.Outcome.FINISHED,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                new TieLedger(List.of(tied)),
                List.of(),
                1024,
                UPDATES,
                experts,
                1);
    }
}

package dev.bowline.parity;

import dev.bowline.catalog.Families;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// `docs/coverage.md`: the classes of the catalog, and every fixture with what was measured on it.
///
/// @param rows by the family they belong to
record CoveragePage(Map<Family, List<FixtureRow>> rows) {

    static final String WRITE = "bowline.coverage.write";

    private static final String NONE = "–";

    private static final String RELEASES = """

            In transformers: what an absent `tie_word_embeddings` comes to and the level that decides, in both major
            releases; what the text level says by default where there is a level above it; and which heads it opened,
            with the same logits, loss and gradients, in checkpoints that Bowline saved after two steps, with the vision
            tensors that passed through unchanged (`tools/make_tie_tables.py`, `tools/record_config_keys.py`,
            `tools/verify_families.py`). Baichuan's was opened by `tools/families/baichuan2.py`. `TiePolicyTest`
            compares every combination of flags; where Bowline differs, docs/decisions/0002 says why.

            | class | 4.57.6 | 5.18.0 | text level | saves opened |
            |---|---|---|---|---|
            """;

    String text() {
        StringBuilder page = new StringBuilder(introduction());
        page.append("\n## Classes\n\n");
        page.append("| class | `model_type` | heads | default of `tie_word_embeddings` | fixtures |\n");
        page.append("|---|---|---|---|--:|\n");
        Families.all().forEach(family -> page.append(classRow(family)));
        page.append(RELEASES);
        Families.all().forEach(family -> page.append(releasesRow(family.architecture())));
        rows.forEach((family, fixtures) -> {
            page.append("\n## %s\n\n".formatted(family.name()));
            page.append("| fixture | class | what it exercises | flag that decides | head |\n");
            page.append("|---|---|---|---|---|\n");
            fixtures.forEach(row -> page.append(modelRow(row)));
            page.append("\n| fixture | padded | unpadded | packed | AdamW | bf16 | greedy |\n");
            page.append("|---|---|---|---|---|---|---|\n");
            fixtures.forEach(row -> page.append(parityRow(row)));
        });
        return page.toString();
    }

    private String introduction() {
        String versions = String.join(
                ", ",
                all().stream()
                        .map(row -> "transformers %s on torch %s"
                                .formatted(
                                        row.facts().requireString("transformers"),
                                        row.facts().requireString("torch")))
                        .distinct()
                        .toList());
        return """
                # Coverage

                What Bowline is compared with, and how close it comes: %s.
                The fixtures are tiny checkpoints with random values in every tensor, made by the scripts in `tools`.

                `CoverageTest` computes this page and fails when the committed one says anything else. Figures are
                rounded up and may differ by a factor of %d, since processors round differently; `ParityTest` holds
                them to the bounds below wherever it runs. To write the page anew:

                    ./mvnw -pl library test -Dtest=CoverageTest -D%s=true

                | column | figures | bound |
                |---|---|---|
                | padded, unpadded, packed | float32: logits and loss, relative to the largest logit; the gradient \
                that is farthest off, relative to its norm. Packed rows hold several documents | %s, %s, %s |
                | AdamW | float32, five steps: losses, relative to the largest logit; the weight that is farthest \
                off, relative to its norm | %s, %s |
                | bf16 | bfloat16: logits, loss, and the gradient that is farthest off, in units of the difference \
                between eager and sdpa attention in transformers, which is taken as one unit in the last place where \
                it is smaller | %.0f |
                | greedy | tokens that are the same, generated with caches in float32, past the sliding window | all |
                """.formatted(
                        versions,
                        (int) Figures.FACTOR,
                        WRITE,
                        bound(Distance.LOGITS_BOUND),
                        bound(Distance.LOGITS_BOUND),
                        bound(Distance.GRADIENT_BOUND),
                        bound(AdamWSteps.LOSS_BOUND),
                        bound(AdamWSteps.WEIGHT_BOUND),
                        Bfloat16Distance.BOUND);
    }

    private List<FixtureRow> all() {
        return rows.values().stream().flatMap(List::stream).toList();
    }

    private String classRow(Families.Family family) {
        List<FixtureRow> fixtures = all().stream()
                .filter(row -> row.hasClass(family.architecture()))
                .toList();
        String heads = fixtures.isEmpty()
                ? NONE
                : switch (fixtures.getFirst().support()) {
                    case BOTH -> "tied and separate";
                    case TIED_ONLY -> "tied only";
                    case UNTIED_ONLY -> "separate only";
                };
        String tieDefault = fixtures.isEmpty()
                ? NONE
                : switch (fixtures.getFirst().tieDefault()) {
                    case TIED -> "true";
                    case UNTIED -> "false";
                };
        return row(family.architecture(), code(family.modelType()), heads, tieDefault, "" + fixtures.size());
    }

    private static String releasesRow(String architecture) {
        TransformersClass recorded = TransformersClass.of(architecture);
        return row(architecture, recorded.release4(), recorded.release5(), recorded.textDefault(), recorded.saves());
    }

    private static String modelRow(FixtureRow row) {
        return row(
                code(row.fixture().name()),
                row.architecture(),
                row.facts().requireString("exercises"),
                "%s: %s".formatted(row.flag().level().key(), row.flag().tied()),
                row.tied() ? "tied" : "separate");
    }

    private static String parityRow(FixtureRow row) {
        Measured measured = row.measured();
        return row(
                code(row.fixture().name()),
                cell(measured.padded(), CoveragePage::figures),
                cell(measured.unpadded(), CoveragePage::figures),
                cell(measured.packed(), CoveragePage::figures),
                cell(measured.adamw(), steps -> Figures.error(steps.losses()) + " · " + Figures.error(steps.weights())),
                cell(
                        measured.bfloat16(),
                        d -> Figures.units(Math.max(d.logits(), d.largestLogit())) + " · " + Figures.units(d.loss())
                                + " · " + Figures.units(d.gradient())),
                cell(
                        measured.greedy(),
                        greedy ->
                                "%d of %d, %d past".formatted(greedy.equal(), greedy.expected(), greedy.pastWindow())));
    }

    private static String figures(Distance distance) {
        return Figures.error(distance.logits()) + " · " + Figures.error(distance.loss()) + " · "
                + Figures.error(distance.gradient());
    }

    private static <T> String cell(Optional<T> measured, Function<T, String> text) {
        return measured.map(text).orElse(NONE);
    }

    private static String row(String... cells) {
        return "| %s |\n".formatted(String.join(" | ", cells));
    }

    private static String code(String text) {
        return "`" + text + "`";
    }

    private static String bound(double value) {
        return String.format(Locale.ROOT, "%.0e", value).replace("e-0", "e-");
    }
}

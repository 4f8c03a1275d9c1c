package dev.bowline.parity;

import dev.bowline.catalog.Families;
import dev.bowline.catalog.MeasuredTies;
import dev.bowline.model.Architecture;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/// `docs/coverage.md`: the classes of the catalog, and every fixture with what was measured on it.
///
/// @param rows by the family they belong to
record CoveragePage(Map<Family, List<FixtureRow>> rows) {

    static final String WRITE = "bowline.coverage.write";

    private static final String NONE = "–";

    private static final String CLASSES = """

            ## Classes

            The policy is what `TieSupport` of a class declares. The columns of 4.57.6 and 5.18.0 are what these releases
            of transformers take an absent `tie_word_embeddings` for at each level of config.json, and which level
            decides (`tools/measure_family_ties.py` built every class in both with every combination of flags). Bowline
            takes it for what 5.18.0 does. What is passed through is not computed and saved byte for byte.

            | class | `model_type` | policy | 4.57.6 | 5.18.0 | decides in Bowline | passed through | fixtures |
            |---|---|---|---|---|---|---|--:|
            """;

    private static final String DIFFERENCES = """

            Flags at the top and in text_config, `-` for absent, for which Bowline ties what a release does not, or the
            other way round; every other combination agrees. A load compares the flag with the bytes, so neither loses a
            head (docs/decisions/0002).

            | class | release | flags | there | Bowline | why |
            |---|---|---|---|---|---|
            """;

    private static final String SAVES = """

            The heads of a class whose checkpoint, saved by Bowline after two steps of training, transformers 5.18.0 opened
            without a complaint, with the same logits, loss and gradients and every tensor that passed through unchanged
            (`tools/verify_families.py`; Baichuan's was opened by `tools/families/baichuan2.py`).

            | class | saves opened |
            |---|---|
            """;

    String text() {
        StringBuilder page = new StringBuilder(introduction());
        page.append(CLASSES);
        Families.all().forEach(family -> page.append(classRow(family)));
        page.append(DIFFERENCES);
        MeasuredTies.differences().forEach(difference -> page.append(differenceRow(difference)));
        page.append(SAVES);
        Families.all().stream()
                .map(Architecture::name)
                .filter(OpenedSaves::has)
                .forEach(name -> page.append(row(name, OpenedSaves.saves(name))));
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
                rounded up and may differ by a factor of %d, since processors round differently. The figures are
                those of the kernel policy FUSED_CPU; `ParityTest` holds FUSED_CPU and LIBTORCH to the bounds below
                wherever it runs. To write the page anew:

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

    private String classRow(Architecture family) {
        List<FixtureRow> fixtures =
                all().stream().filter(row -> row.hasClass(family.name())).toList();
        String heads = switch (family.tieSupport()) {
            case BOTH -> "BOTH: tied and separate";
            case TIED_ONLY -> "TIED_ONLY";
            case UNTIED_ONLY -> "UNTIED_ONLY: separate";
        };
        String parts = fixtures.stream()
                .flatMap(row -> row.passedThrough().stream())
                .distinct()
                .collect(Collectors.joining(", "));
        return row(
                family.name(),
                code(family.modelType()),
                heads,
                MeasuredTies.defaults(MeasuredTies.RELEASE_4, family.name()),
                MeasuredTies.defaults(MeasuredTies.RELEASE_5, family.name()),
                fixtures.stream().anyMatch(CoveragePage::isNested) ? "top, then text_config" : "top",
                parts.isEmpty() ? NONE : parts,
                "" + fixtures.size());
    }

    private static boolean isNested(FixtureRow row) {
        return row.fixture().config().has("text_config");
    }

    private static String differenceRow(MeasuredTies.Difference difference) {
        return row(
                difference.architecture(),
                difference.release(),
                code(difference.flags()),
                difference.theirs() ? "tied" : "separate",
                difference.ours() ? "tied" : "separate",
                difference.why().orElseThrow());
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

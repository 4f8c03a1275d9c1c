package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.evaluate.EvaluationMetric;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The section `evaluate`: its defaults, and values that contradict each other, each at its position.
class EvaluateSectionTest {

    private static final String RECIPE =
            RecipeFolder.SHORTEST + "validation_dataset:\n  path: heldout.jsonl\nevaluate:\n";

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void aRecipeWithoutTheSectionEvaluatesNothing() {
        assertEquals(
                Optional.empty(), folder.load(RecipeFolder.SHORTEST).recipe().evaluate());
    }

    @Test
    void theQuestionsAreThoseOfTheValidationDataset() {
        EvaluateSection section = folder.load(RECIPE.replace("evaluate:\n", "evaluate: {}\n"))
                .recipe()
                .evaluate()
                .orElseThrow();

        assertEquals(Optional.empty(), section.data());
        assertEquals(
                List.of(EvaluationMetric.EXACT_MATCH, EvaluationMetric.CONTAINS, EvaluationMetric.PERPLEXITY),
                section.metrics());
    }

    @Test
    void aPatternIsAScore() {
        EvaluateSection section = folder.load(RECIPE + "  regex: '^[0-9]+$'\n  keep_best: regex\n")
                .recipe()
                .evaluate()
                .orElseThrow();

        assertTrue(section.metrics().contains(EvaluationMetric.REGEX));
        assertTrue(section.pattern().orElseThrow().matcher("12").find());
    }

    @Test
    void aSectionWithoutQuestionsIsRefused() {
        String problem = folder.problem(RecipeFolder.SHORTEST + "evaluate:\n  every_steps: 5\n");

        assertTrue(
                problem.contains("there is neither evaluate.data nor a validation_dataset | name a file of held-out"),
                problem);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "metrics: [exact_match, exact_match]|evaluate.metrics[1]: expected each name once",
                "metrics: [exact_mach]|did you mean 'exact_match'?",
                "metrics: []|write a list, such as [exact_match]",
                "metrics: [regex]|evaluate.regex is missing",
                "regex: '(['|correct the pattern",
                "keep_best: json_valid|which evaluate.metrics does not have",
                "early_stopping_patience: 2|evaluate.keep_best names none",
                "early_stopping_threshold: 0.1|has no effect without evaluate.early_stopping_patience",
                "split: test|has no effect without evaluate.data",
                "max_share: 1|expected a number of at least 0 and below 1",
            })
    void wrongValuesAreRefusedAtTheirPosition(String line, String expected) {
        List<String> problems = folder.problems(RECIPE + "  " + line + "\n");

        assertTrue(
                problems.stream().anyMatch(problem -> problem.startsWith("13:") && problem.contains(expected)),
                problems.toString());
    }
}

package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What YAML reads in surprising ways is refused, and no file brings down more than its own reading.
class YamlTrapsTest {

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    private String problemOfSet(String set) {
        return folder.problem(RecipeFolder.SHORTEST, set).replace("override " + set + ": ", "");
    }

    @Test
    void yesAndNoAreNotBooleans() {
        assertEquals(
                "dataset.shuffle: expected true or false, found the text 'yes'"
                        + " | write true; YAML 1.2 reads 'yes' as something else",
                problemOfSet("dataset.shuffle=yes"));
        assertTrue(problemOfSet("dataset.shuffle=Off").endsWith("write false; YAML 1.2 reads 'Off' as something else"));
        assertTrue(problemOfSet("dataset.shuffle='true'").endsWith("remove the quotes"));
        assertTrue(problemOfSet("dataset.shuffle=1").endsWith("reads '1' as something else"));
    }

    @Test
    void numbersThatAreNotNumbersAreRefused() {
        for (String wrong :
                List.of(".nan", ".inf", "-.Inf", "nan", "inf", "1e999", "1_0.5", "0x1p3", "1e", "--1", "1,5")) {
            String problem = problemOfSet("optimizer.lr=" + wrong);
            assertTrue(problem.contains("expected a number above 0, found"), problem);
        }
        for (String wrong : List.of("0", "-1e-5", "1e-999")) {
            String problem = problemOfSet("optimizer.lr=" + wrong);
            assertTrue(problem.endsWith("write a number above 0, such as 1e-5"), problem);
        }
    }

    @Test
    void integersThatAreNotIntegersAreToldWhatToWrite() {
        assertTrue(problemOfSet("step_scheduler.max_steps=1_000").endsWith("write 1000, without separators"));
        assertTrue(problemOfSet("step_scheduler.max_steps=1e3").endsWith("write 1000"));
        assertTrue(problemOfSet("step_scheduler.max_steps=10.0").endsWith("write 10"));
        assertTrue(problemOfSet("step_scheduler.max_steps=010").contains("remove the leading zeros"));
        assertTrue(problemOfSet("step_scheduler.max_steps=2147483648").endsWith("write 2147483647 or less"));
        assertTrue(problemOfSet("step_scheduler.max_steps=1.5").endsWith("write digits only"));
        assertTrue(problemOfSet("step_scheduler.max_steps=None").endsWith("write null for none"));
        assertTrue(problemOfSet("step_scheduler.max_steps=0x10").endsWith("write digits only"));
    }

    @Test
    void aKeyWrittenTwiceIsRefusedWithBothPositions() {
        String problem = folder.problem(RecipeFolder.SHORTEST.replace("  lr: 1e-5\n", "  lr: 1e-5\n  'lr': 2e-5\n"));

        assertTrue(problem.startsWith("10:3: key 'lr' is written twice; the first is at "), problem);
        assertTrue(problem.contains("9:3 | "), problem);
    }

    @Test
    void whatIsNotARecipeIsSaidAtItsPosition() {
        assertEquals("1:1", positionOf(""));
        assertEquals("1:1", positionOf("# nothing\n"));
        assertEquals("1:5", positionOf("--- ~\n"));
        assertEquals("1:1", positionOf("- seed\n"));
        assertEquals("2:1", positionOf("model:\n\ttorch_dtype: bf16\n"));
        assertEquals("3:1", positionOf("seed: 1\n---\nseed: 2\n"));
        assertEquals("1:7", positionOf("seed: *unknown\n"));
        assertEquals("1:7", positionOf("seed: !!int 3\n"));
        assertEquals("1:7", positionOf("seed: !python/object 3\n"));
        assertEquals("1:1", positionOf("<<: {seed: 1}\n"));
        assertEquals("1:3", positionOf("? [seed]\n: 1\n"));
        assertEquals("2:8", positionOf("# é\nseed:  \u0007\n"));
        assertEquals("1:11", positionOf("seed: &s [*s]\n"));
        assertEquals("1:1", positionOf("%YAML 3.0\n---\nseed: 1\n"));
    }

    @Test
    void aTabIsNamed() {
        assertTrue(folder.problem("model:\n\ttorch_dtype: bf16\n")
                .endsWith("indent with spaces; YAML does not allow tabs there"));
    }

    @Test
    void aFileThatIsNotUtf8IsRefusedAtTheFirstWrongByte() throws IOException {
        assertEquals("3:10", positionOfBytes("# green\nseed: 1\nmodel: gr\u00fcn", StandardCharsets.ISO_8859_1));
        assertEquals("1:1", positionOfBytes("seed: 1\n", StandardCharsets.UTF_16));
    }

    @Test
    void aByteOrderMarkAndWindowsLineEndsAreNothingSpecial() {
        assertEquals(
                42,
                folder.load("\uFEFF" + RecipeFolder.SHORTEST.replace("\n", "\r\n"))
                        .recipe()
                        .seed());
    }

    @Test
    void anAliasIsItsValueAtItsOwnPosition() {
        String yaml = RecipeFolder.SHORTEST.replace("  max_steps: 10\n", "  max_steps: &n 10\n  num_epochs: *n\n");
        String wrong = RecipeFolder.SHORTEST.replace("  max_steps: 10\n", "  max_steps: &n ten\n  num_epochs: *n\n");

        assertEquals(10, folder.load(yaml).recipe().stepScheduler().numEpochs().orElseThrow());
        assertEquals(
                List.of("7:14", "8:15"),
                folder.problems(wrong).stream()
                        .map(problem -> problem.substring(0, problem.indexOf(": ")))
                        .toList());
    }

    @Test
    void aliasesAndDepthAreBounded() {
        StringBuilder laughs = new StringBuilder("a0: &a0 [x, x]\n");
        for (int i = 1; i < 60; i++) {
            laughs.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
        }

        assertTrue(folder.problem(laughs.toString()).contains("more than 100 aliases"));
        assertTrue(folder.problem("[".repeat(100_000)).contains("nested deeper than 16"));
        assertTrue(folder.problem("{a: ".repeat(50_000)).contains("nested deeper than 16"));
    }

    @Test
    void aFileOfAnotherSizeIsNotRead() {
        Path file = folder.write("weights.yaml", "#".repeat(300_000));

        BowlineException refused = assertThrows(BowlineException.class, () -> RecipeFile.load(file, List.of()));

        assertTrue(refused.problem().contains("has 300000 bytes"), refused.problem());
    }

    @Test
    void noBrokenFileIsMoreThanAProblem() throws IOException {
        Random random = new Random(20260801);
        byte[] whole = FullRecipe.YAML.getBytes(StandardCharsets.UTF_8);
        byte[] tokens = "{}[]:,-&*!|>'\"%@`#?~ \t\n\r\0\u007f<0e.".getBytes(StandardCharsets.UTF_8);
        int refused = 0;
        for (int i = 0; i < 1000; i++) {
            byte[] mutant = whole.clone();
            for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                mutant[random.nextInt(mutant.length)] =
                        random.nextInt(10) == 0 ? (byte) random.nextInt() : tokens[random.nextInt(tokens.length)];
            }
            Path file = Files.write(folder.path("mutant.yaml"), mutant);
            try {
                RecipeFile.load(file, List.of());
            } catch (RecipeException e) {
                refused++;
            }
        }
        assertTrue(refused > 500, "only " + refused + " of 1000 broken files were refused");
    }

    private String positionOf(String yaml) {
        String problem = folder.problems(yaml).getFirst();
        return problem.substring(0, problem.indexOf(": "));
    }

    private String positionOfBytes(String yaml, Charset charset) throws IOException {
        Path file = Files.write(folder.path("recipe.yaml"), yaml.getBytes(charset));
        RecipeException refused = assertThrows(RecipeException.class, () -> RecipeFile.load(file, List.of()));
        return refused.problems().getFirst().at().toString().replace(file + ":", "");
    }
}

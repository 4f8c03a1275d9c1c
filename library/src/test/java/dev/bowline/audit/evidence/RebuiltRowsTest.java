package dev.bowline.audit.evidence;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Remedy;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Dead rows of an untied embedding are made up from the head's rows when the owner asks, and never otherwise.
class RebuiltRowsTest {

    private static final RepairOptions REBUILD = new RepairOptions(Optional.empty(), Optional.empty(), true);
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    @TempDir
    private Path temporary;

    private static CheckpointFixture.Values dead(CheckpointFixture.Values values, int row, double value) {
        return (i, j) -> i == row ? value : values.at(i, j) + 0.001;
    }

    private Path write(CheckpointFixture fixture) throws IOException {
        return fixture.write(temporary.resolve("source"));
    }

    private static double[][] matrix(Path directory, String key) {
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
            ElementReader type = ElementReader.of(file.entry(key).type()).orElseThrow();
            ByteBuffer bytes = file.bytes(key).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            double[][] matrix = new double[ROWS][WIDTH];
            for (int i = 0; i < ROWS; i++) {
                for (int j = 0; j < WIDTH; j++) {
                    matrix[i][j] = type.value(bytes, (i * WIDTH + j) * type.bytes());
                }
            }
            return matrix;
        }
    }

    private static double norm(double[] row) {
        double squares = 0;
        for (double value : row) {
            squares += value * value;
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @EnumSource(
            value = SafetensorsType.class,
            names = {"F64", "F32", "F16", "BF16"})
    void aRowGetsTheHeadsDirectionAtTheHealthyNorm(SafetensorsType type) throws IOException {
        Path source = write(CheckpointFixture.llama("false")
                .with(EMBEDDING, type, ROWS, WIDTH, dead(E, 5, 0))
                .head(H));
        double[][] before = matrix(source, EMBEDDING);
        assertEquals(
                List.of(Remedy.Repair.inPlace(source, Remedy.Decision.REBUILD_ROWS)),
                TieAudit.of(source).findings().getFirst().fix().remedies());

        TieAudit after = Repair.applyInPlace(Repair.plan(source, REBUILD));

        assertEquals(List.of(), after.findings());
        double[][] rebuilt = matrix(source, EMBEDDING);
        double[] head = matrix(source, HEAD)[5];
        double squares = 0;
        for (int i = 0; i < ROWS; i++) {
            squares += norm(before[i]) * norm(before[i]);
        }
        double norm = Math.sqrt(squares / (ROWS - 1));
        double tolerance = type == SafetensorsType.BF16 ? 0.01 : 0.001;
        for (int j = 0; j < WIDTH; j++) {
            assertEquals(head[j] * norm / norm(head), rebuilt[5][j], tolerance * norm);
        }
        rebuilt[5] = before[5];
        for (int i = 0; i < ROWS; i++) {
            assertEquals(0, java.util.Arrays.compare(before[i], rebuilt[i]), "row " + i);
        }
        assertTrue(Repair.plan(source, REBUILD).changesNothing());
    }

    @Test
    void rowsThatAreNotFiniteToo() throws IOException {
        Path source = write(CheckpointFixture.llama("false")
                .embedding(dead(E, 31, Double.NaN))
                .head(H)
                .sharded());

        TieAudit after = Repair.apply(Repair.plan(source, REBUILD), temporary.resolve("target"));

        assertEquals(List.of(), after.findings());
    }

    @Test
    void nothingIsMadeUpUnasked() throws IOException {
        Path source =
                write(CheckpointFixture.llama("false").embedding(dead(E, 5, 0)).head(H));

        assertTrue(Repair.plan(source, RepairOptions.LOSSLESS).changesNothing());
    }

    @Test
    void thePaddingRowStaysZero() throws IOException {
        CheckpointFixture padded = CheckpointFixture.llama("false");
        Path source = write(padded.config(padded.config().with("pad_token_id", 5))
                .embedding((i, j) -> i == 5 || i == 7 ? 0 : E.at(i, j) + 0.001)
                .head(H));

        Repair.applyInPlace(Repair.plan(source, REBUILD));

        assertEquals(0, norm(matrix(source, EMBEDDING)[5]));
        assertTrue(norm(matrix(source, EMBEDDING)[7]) > 0);
    }

    @Test
    void aTiedEmbeddingHasNothingToBeRebuiltFrom() throws IOException {
        requireRefused("the head's row too", CheckpointFixture.llama("true").embedding(dead(E, 5, 0)));
    }

    @Test
    void aHeadRowThatIsDeadTooIsNoSource() throws IOException {
        requireRefused(
                "rows [5] of the head",
                CheckpointFixture.llama("false").embedding(dead(E, 5, 0)).head(dead(H, 5, 0)));
    }

    @Test
    void moreThan256RowsAreADamagedCheckpoint() throws IOException {
        CheckpointFixture fixture = CheckpointFixture.llama("false");
        requireRefused(
                "more than 256",
                fixture.config(fixture.config().with("vocab_size", 300))
                        .with(EMBEDDING, SafetensorsType.F32, 300, WIDTH, (i, j) -> i < 257 ? 0 : 1)
                        .with(HEAD, SafetensorsType.F32, 300, WIDTH, H));
    }

    private void requireRefused(String word, CheckpointFixture fixture) throws IOException {
        Path source = write(fixture);
        BowlineException refused = assertThrows(BowlineException.class, () -> Repair.plan(source, REBUILD));
        assertTrue(refused.problem().contains(word), refused.getMessage());
    }
}

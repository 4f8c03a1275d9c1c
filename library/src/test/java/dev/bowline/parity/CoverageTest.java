package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.Families;
import dev.bowline.model.Architecture;
import dev.bowline.ties.TieFlag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// `docs/coverage.md` says what is tested and how close it comes, no more and no less.
class CoverageTest {

    private static final Path PAGE = Path.of("..", "docs", "coverage.md");

    private static final Map<Family, List<FixtureRow>> ROWS = new LinkedHashMap<>();

    @BeforeAll
    static void measure() {
        for (Family family : Family.ALL) {
            ROWS.put(family, family.fixtures().stream().map(FixtureRow::of).toList());
        }
    }

    @Test
    void thePageIsWhatIsMeasured() throws IOException {
        String measured = new CoveragePage(ROWS).text();
        if (Boolean.getBoolean(CoveragePage.WRITE)) {
            Files.writeString(PAGE, measured);
        }

        List<String> disagreements = Figures.disagreements(Files.readString(PAGE), measured);

        assertTrue(
                disagreements.isEmpty(),
                "docs/coverage.md is not what was measured; run with -D%s=true to write it%n%s"
                        .formatted(CoveragePage.WRITE, String.join("\n", disagreements)));
    }

    @Test
    void everyClassOfTheCatalogHasAFixture() {
        for (Architecture family : Families.all()) {
            assertTrue(rows().stream().anyMatch(row -> row.hasClass(family.name())), family.name() + " has no fixture");
        }
    }

    @Test
    void classTieAndItsDefaultAreThoseOfTransformers() {
        for (FixtureRow row : rows()) {
            String name = row.fixture().name();
            boolean tiedByDefault = row.tieDefault() == TieFlag.ClassDefault.TIED;

            assertEquals(row.facts().requireString("class"), row.architecture(), name);
            assertEquals(row.facts().requireBoolean("tied"), row.tied(), name);
            assertEquals(row.facts().requireBoolean("tied"), row.flag().tied(), name);
            assertEquals(row.facts().requireBoolean("tie_default"), tiedByDefault, name);
        }
    }

    private static List<FixtureRow> rows() {
        return ROWS.values().stream().flatMap(List::stream).toList();
    }
}

package dev.bowline.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The variables of Kubernetes declare a machine, and half a set of them is an error.
class NodeTest {

    private static final Map<String, String> TRAIN_JOB = Map.of(
            "PET_NNODES", "4",
            "PET_NPROC_PER_NODE", "2",
            "PET_NODE_RANK", "3",
            "PET_MASTER_ADDR", "tune-node-0-0.tune",
            "PET_MASTER_PORT", "29400");

    private static final Map<String, String> INDEXED_JOB =
            Map.of("JOB_COMPLETION_INDEX", "1", "BOWLINE_NODES", "2", "BOWLINE_MASTER", "tune-0.tune:29500");

    @Test
    void aPodOfATrainJobIsAMachine() {
        Node node = Node.of(TRAIN_JOB).orElseThrow();

        assertEquals(new Node(3, 4, 2, "tune-node-0-0.tune", 29400, "bowline"), node);
        assertEquals(new Rendezvous(7, 8, 1, "tune-node-0-0.tune", 29400, "bowline", 0), node.place(1, 29400, 5));
        assertEquals(
                new Rendezvous(1, 2, 1, "127.0.0.1", 4000, "bowline", 5),
                Node.alone(2).place(1, 4000, 5));
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "cpu"})
    void aMachineWithoutANumberOfRanksHasOne(String processes) {
        assertEquals(
                1,
                Node.of(with(TRAIN_JOB, "PET_NPROC_PER_NODE", processes))
                        .orElseThrow()
                        .processes());
    }

    @Test
    void aTrainJobOfOneNodeNeedsNoMaster() {
        assertEquals(Optional.of(Node.alone(2)), Node.of(Map.of("PET_NNODES", "1", "PET_NPROC_PER_NODE", "2")));
    }

    @Test
    void aPodOfAnIndexedJobIsAMachineOfOneRank() {
        assertEquals(Optional.of(new Node(1, 2, 1, "tune-0.tune", 29500, "bowline")), Node.of(INDEXED_JOB));
    }

    @Test
    void aJobOfOnePodNeedsNoNetwork() {
        Map<String, String> one = with(with(INDEXED_JOB, "BOWLINE_NODES", "1"), "JOB_COMPLETION_INDEX", "0");

        assertEquals(Optional.of(Node.alone(1)), Node.of(one));
        assertEquals(Optional.of(Node.alone(3)), Node.of(0, 1, 3, "10.0.0.1:29500"));
    }

    @Test
    void anIndexAloneIsOneOfSeveralJobs() {
        assertEquals(Optional.empty(), Node.of(Map.of("JOB_COMPLETION_INDEX", "3")));
    }

    @Test
    void anAddressOfVersionSixIsInBrackets() {
        Node node =
                Node.of(with(INDEXED_JOB, "BOWLINE_MASTER", "[fd00::7]:29500")).orElseThrow();

        assertEquals("fd00::7", node.masterAddress());
    }

    @ParameterizedTest
    @ValueSource(strings = {"PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT"})
    void aTrainJobWithoutOneVariableIsAnErrorThatNamesIt(String missing) {
        BowlineException error = assertThrows(BowlineException.class, () -> Node.of(with(TRAIN_JOB, missing, "")));

        assertTrue(error.fix().startsWith("set %s, or unset ".formatted(missing)), error.fix());
    }

    @ParameterizedTest
    @ValueSource(strings = {"JOB_COMPLETION_INDEX", "BOWLINE_NODES", "BOWLINE_MASTER"})
    void anIndexedJobWithoutOneVariableIsAnErrorThatNamesIt(String missing) {
        BowlineException error = assertThrows(BowlineException.class, () -> Node.of(with(INDEXED_JOB, missing, "")));

        assertTrue(error.fix().startsWith("set %s, or unset ".formatted(missing)), error.fix());
    }

    @ParameterizedTest
    @CsvSource({
        "PET_NNODES,1:4,an integer from 1",
        "PET_NPROC_PER_NODE,gpu,'a number, auto or cpu'",
        "PET_NODE_RANK,4,from 0 to 3",
        "PET_MASTER_PORT,0,from 1 to 65535"
    })
    void aWrongValueIsAnErrorWithItsVariable(String name, String value, String expected) {
        BowlineException error = assertThrows(BowlineException.class, () -> Node.of(with(TRAIN_JOB, name, value)));

        assertTrue(error.problem().contains("variable %s is '%s'".formatted(name, value)), error.problem());
        assertTrue(error.problem().contains(expected), error.problem());
    }

    @ParameterizedTest
    @ValueSource(strings = {"tune-0.tune", "tune:0", "tune:70000", "::1:29500", ":29500"})
    void aMasterIsAHostAndAPort(String master) {
        BowlineException error =
                assertThrows(BowlineException.class, () -> Node.of(with(INDEXED_JOB, "BOWLINE_MASTER", master)));

        assertTrue(error.problem().contains("HOST:PORT"), error.problem());
    }

    private static Map<String, String> with(Map<String, String> environment, String name, String value) {
        Map<String, String> changed = new HashMap<>(environment);
        changed.put(name, value);
        return changed;
    }
}

package dev.bowline.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.distributed.Rendezvous.Server;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The place of a rank is what its launcher's variables say, and half a set of them is an error.
class RendezvousTest {

    private static final Map<String, String> TORCHRUN = Map.of(
            "RANK", "3",
            "WORLD_SIZE", "4",
            "LOCAL_RANK", "1",
            "LOCAL_WORLD_SIZE", "2",
            "MASTER_ADDR", "10.0.0.1",
            "MASTER_PORT", "29500",
            "TORCHELASTIC_RUN_ID", "none",
            "TORCHELASTIC_RESTART_COUNT", "2",
            "TORCHELASTIC_USE_AGENT_STORE", "True");

    private static final Map<String, String> SRUN = Map.of(
            "SLURM_PROCID", "5",
            "SLURM_STEP_NUM_TASKS", "8",
            "SLURM_LOCALID", "1",
            "SLURM_JOB_ID", "31234",
            "SLURM_STEP_NODELIST", "gpu[07-09,12]-ib,login1");

    private static final Map<String, String> MPIRUN = Map.of(
            "OMPI_COMM_WORLD_RANK", "1",
            "OMPI_COMM_WORLD_SIZE", "2",
            "OMPI_COMM_WORLD_LOCAL_RANK", "0",
            "MASTER_ADDR", "head",
            "MASTER_PORT", "4000");

    @Test
    void aProcessWithoutALauncherHasNoPlace() {
        assertEquals(Optional.empty(), Rendezvous.of(Map.of("HOME", "/home/u", "RANK", "", "SLURM_JOB_ID", "7")));
    }

    @Test
    void theVariablesOfTorchrunAreAPlace() {
        assertEquals(
                Optional.of(new Rendezvous(3, 4, 1, "10.0.0.1", 29500, "none", 2, Server.LAUNCHER)),
                Rendezvous.of(TORCHRUN));
    }

    @Test
    void aLauncherOfOneRankPerMachineMayLeaveTheLocalRankOut() {
        Map<String, String> pytorchJob =
                Map.of("RANK", "1", "WORLD_SIZE", "2", "MASTER_ADDR", "job-master-0", "MASTER_PORT", "23456");

        assertEquals(
                Optional.of(new Rendezvous(1, 2, 0, "job-master-0", 23456, "bowline", 0)), Rendezvous.of(pytorchJob));
    }

    @Test
    void aTaskOfSlurmMeetsTheOthersOnTheFirstNode() {
        assertEquals(Optional.of(new Rendezvous(5, 8, 1, "gpu07-ib", 16234, "slurm-31234", 0)), Rendezvous.of(SRUN));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "n1|n1",
                "n1,n2|n1",
                "n[1-4]|n1",
                "n[001,005-9]|n001",
                "a-b-[10-12].x|a-b-10.x",
                "rack1n[3]|rack1n3"
            })
    void theFirstNodeOfAListIsFound(String nodes, String first) {
        assertEquals(
                first,
                Rendezvous.of(with(SRUN, "SLURM_STEP_NODELIST", nodes))
                        .orElseThrow()
                        .masterAddress());
    }

    @Test
    void variablesOfTheUserComeBeforeTheFirstNodeOfSlurm() {
        Map<String, String> environment = with(with(SRUN, "MASTER_ADDR", "other"), "MASTER_PORT", "5000");

        assertEquals(Optional.of(new Rendezvous(5, 8, 1, "other", 5000, "bowline", 0)), Rendezvous.of(environment));
    }

    @Test
    void aBatchScriptAndAShellOfSlurmAreOneProcess() {
        Map<String, String> script = Map.of("SLURM_PROCID", "0", "SLURM_NTASKS", "8", "SLURM_JOB_ID", "1");

        assertEquals(Optional.empty(), Rendezvous.of(script));
        assertEquals(Optional.empty(), Rendezvous.of(with(SRUN, "SLURM_STEP_NUM_TASKS", "1")));
    }

    @Test
    void theVariablesOfOpenMpiAreAPlace() {
        assertEquals(Optional.of(new Rendezvous(1, 2, 0, "head", 4000, "bowline", 0)), Rendezvous.of(MPIRUN));
    }

    @Test
    void aRankOfTorchrunUnderAnotherLauncherIsTorchruns() {
        Map<String, String> both = new HashMap<>(SRUN);
        both.putAll(TORCHRUN);

        assertEquals(Rendezvous.of(TORCHRUN), Rendezvous.of(both));
    }

    @ParameterizedTest
    @ValueSource(strings = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})
    void aSetWithoutOneVariableIsAnErrorThatNamesIt(String missing) {
        BowlineException error = assertThrows(BowlineException.class, () -> Rendezvous.of(with(TORCHRUN, missing, "")));

        assertTrue(error.problem().endsWith(" and without " + missing), error.problem());
        assertTrue(error.fix().startsWith("set %s, or unset ".formatted(missing)), error.fix());
    }

    @ParameterizedTest
    @ValueSource(strings = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"})
    void oneVariableAloneIsAnError(String name) {
        BowlineException error = assertThrows(BowlineException.class, () -> Rendezvous.of(Map.of(name, "1")));

        assertTrue(error.problem().startsWith("the environment declares a world of ranks with"), error.problem());
        assertTrue(error.problem().contains("and without"), error.problem());
    }

    @Test
    void openMpiNeedsAMasterAndSlurmARank() {
        assertTrue(assertThrows(BowlineException.class, () -> Rendezvous.of(with(MPIRUN, "MASTER_ADDR", "")))
                .problem()
                .endsWith("without MASTER_ADDR"));
        assertTrue(assertThrows(BowlineException.class, () -> Rendezvous.of(with(SRUN, "SLURM_PROCID", "")))
                .problem()
                .contains("without SLURM_PROCID"));
    }

    @ParameterizedTest
    @CsvSource({"RANK,4,from 0 to 3", "RANK,one,from 0 to 3", "WORLD_SIZE,0,from 1 to", "MASTER_PORT,70000,from 1 to"})
    void aWrongNumberIsAnErrorWithItsVariable(String name, String value, String expected) {
        BowlineException error = assertThrows(BowlineException.class, () -> Rendezvous.of(with(TORCHRUN, name, value)));

        assertTrue(error.problem().contains("variable %s is '%s'".formatted(name, value)), error.problem());
        assertTrue(error.problem().contains(expected), error.problem());
    }

    @Test
    void thePlaceOfARankIsReadBackFromItsEnvironment() {
        for (Server server : Server.values()) {
            Rendezvous place = new Rendezvous(3, 4, 1, "10.0.0.1", 29500, "tune", 2, server);

            assertEquals(Optional.of(place), Rendezvous.of(place.environment()));
        }
    }

    private static Map<String, String> with(Map<String, String> environment, String name, String value) {
        Map<String, String> changed = new HashMap<>(environment);
        changed.put(name, value);
        return changed;
    }
}

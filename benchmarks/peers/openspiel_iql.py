"""OpenSpiel: its tabular Q-learners on the prisoner's dilemma, one object an agent, in Python over a C++ game."""
import importlib.util

NAME = "OpenSpiel: tabular Q-learners in Python on a matrix game in C++"


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("pyspiel") is not None


class Players:
    """Two independent Q-learners that go on and on; ``work(episodes)`` plays so many more rounds."""

    def __init__(self):
        from open_spiel.python import rl_environment, rl_tools
        from open_spiel.python.algorithms import tabular_qlearner

        self.env = rl_environment.Environment("matrix_pd")
        actions = self.env.action_spec()["num_actions"]
        self.agents = [
            tabular_qlearner.QLearner(player_id=i, num_actions=actions, step_size=0.1, discount_factor=0.95,
                                      epsilon_schedule=rl_tools.ConstantSchedule(0.1))
            for i in range(self.env.num_players)]

    def work(self, episodes):
        env, agents = self.env, self.agents
        for _ in range(episodes):
            time_step = env.reset()
            while not time_step.last():
                time_step = env.step([agent.step(time_step).action for agent in agents])
            for agent in agents:
                agent.step(time_step)

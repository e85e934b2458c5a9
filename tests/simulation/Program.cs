using Simulation;

return Commands.Run(args);

"""Real-time and asynchronous endpoints of the embedded SageMaker."""

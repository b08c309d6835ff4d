# swarmgen 0.1.0, config sha256:4399c879ba7c054b950c0c08c4f855863c49ef5ebacf3b6e7055cc53a196c1c2
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --env JUPYTERHUB_ROOT_DIR=/home/jovyan/work \
  --env NOTEBOOK_OWNER=alice \
  --env TZ=Etc/UTC \
  --container-label image_name=Minimal \
  --mount type=volume,source=jupyterhub-user-2bd806c97f0e00af1a1fc3328fa763a9,target=/home/jovyan/work \
  --limit-cpu 1.5 \
  --limit-memory 2147483648 \
  --reserve-cpu 0.25 \
  --reserve-memory 536870912 \
  --constraint node.role==manager \
  --network name=jupyterhub_default \
  --endpoint-mode dnsrr \
  quay.io/jupyter/minimal-notebook:2024-05-27 \
  /usr/local/bin/start-singleuser.py
